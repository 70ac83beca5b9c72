# The half of vtx_vertex that moves: loop, transfers, credentials, calls.
target_sources(vtx_vertex PRIVATE
  certificate.c credential.c credential_file.c easy_pool.c engine.c
  model_answer.c model_call.c origin.c reset.c transfer.c transfer_status.c
  watch.c)
set_source_files_properties(model_call.c transfer.c PROPERTIES
  COMPILE_DEFINITIONS VTX_VERSION="${PROJECT_VERSION}")
