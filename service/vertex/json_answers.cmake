# JSON in a model's text: finding it, and checking it against a schema.
target_sources(vtx_vertex PRIVATE
  answer_scan.c
  body_format.c
  repair.c
  schema_check.c
  schema_compile.c
  schema_equal.c
  schema_inner.c
  schema_match.c
  schema_names.c
  schema_number.c
  schema_pattern.c
  schema_pointer.c
  schema_report.c
  schema_scalar.c)
