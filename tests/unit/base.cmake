foreach(module arena budget buf base64 clock heap json_scan json_view
    json_writer list mailbox slots status timers utf8)
  vtx_unit_test(${module} cb_base)
endforeach()
target_link_libraries(test_json_writer PRIVATE m)
