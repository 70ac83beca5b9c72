target_sources(vtx_vertex PRIVATE
  codec_decode.c
  codec_descriptor.c
  codec_encode.c
  codec_parse.c
  codec_time.c
  codec_value.c
  json_scan.c
  reasons.c)
