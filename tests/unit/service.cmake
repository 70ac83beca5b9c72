# service_shell: configuration and logs; service_quota: what targets
# take; service_flows: the rest.
foreach(part shell quota flows)
  include(${CMAKE_CURRENT_LIST_DIR}/service_${part}.cmake OPTIONAL)
endforeach()
