foreach(part knobs validate fit answer target defaults hop)
  vtx_unit_test(emulator_${part} vtx_emulator PkgConfig::JSON_C)
endforeach()
vtx_unit_test(emulator_server vtx_emulator PkgConfig::JSON_C PkgConfig::ZLIB)
