vtx_fuzz(sse vtx_vertex cb_base)
vtx_fuzz(codec vtx_vertex vertexd_messages cb_base PkgConfig::JSON_C)
vtx_fuzz(answer_json vtx_vertex vertexd_messages cb_base)
vtx_fuzz(join vtx_vertex vertexd_messages cb_base)
