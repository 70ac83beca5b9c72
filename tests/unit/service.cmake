# service_shell: configuration and logs; service_flows: the rest.
foreach(part shell flows)
  include(${CMAKE_CURRENT_LIST_DIR}/service_${part}.cmake OPTIONAL)
endforeach()
