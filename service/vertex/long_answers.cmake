# Answers that come in several messages and several requests, made one.
target_sources(vtx_vertex PRIVATE
  join.c join_place.c long_answer.c merge.c)
