# JSON in answers: scanner, schemas, patterns.
vtx_unit_test(answer_scan vertex_help vtx_vertex)
vtx_unit_test(schema_check vertex_help vtx_vertex)
vtx_unit_test(schema_pattern vertex_help vtx_vertex)
vtx_unit_test(answer_json vertex_help vtx_vertex PkgConfig::JSON_C)
