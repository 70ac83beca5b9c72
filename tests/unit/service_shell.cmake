foreach(module config config_value machine)
  vtx_unit_test(${module} vtx_shell)
endforeach()
vtx_unit_test(log vtx_shell PkgConfig::JSON_C)
