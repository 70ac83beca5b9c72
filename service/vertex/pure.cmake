# The half of vtx_vertex that only computes: messages, JSON, errors, URLs.
target_sources(vtx_vertex PRIVATE
  answer.c
  answer_end.c
  answer_stream.c
  body.c
  body_schema.c
  codec_decode.c
  codec_descriptor.c
  codec_encode.c
  codec_parse.c
  codec_time.c
  codec_value.c
  endpoint.c
  endpoint_base.c
  labels.c
  reasons.c
  retry.c
  sse.c
  tier.c
  upstream_detail.c
  upstream_error.c)
