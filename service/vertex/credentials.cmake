# Application Default Credentials: one file a kind.
target_sources(vtx_vertex PRIVATE
  credentials/adc.c
  credentials/authorized_user.c
  credentials/aws_sign.c
  credentials/encode.c
  credentials/external_account.c
  credentials/http_source.c
  credentials/impersonate.c
  credentials/impersonated.c
  credentials/jwt.c
  credentials/metadata.c
  credentials/secret.c
  credentials/service_account.c
  credentials/subject.c
  credentials/subject_aws.c
  credentials/subject_executable.c
  credentials/subject_url.c
  credentials/token_answer.c
  credentials/token_cache.c
  credentials/token_request.c)
target_link_libraries(vtx_vertex PRIVATE PkgConfig::OPENSSL)
