foreach(module ctl_csv ctl_ids ctl_pack ctl_progress ctl_results ctl_source
    ctl_targets ctl_window)
  vtx_unit_test(${module} vtx_ctl cb_base)
endforeach()
