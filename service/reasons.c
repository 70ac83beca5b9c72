#include "service/reasons.h"

const struct vtx_service_reason_entry vtx_service_reason_table[] = {
#define VTX_SERVICE_REASON_ENTRY(name, code, retryable) \
  {#name, code, retryable},
    VTX_SERVICE_REASONS(VTX_SERVICE_REASON_ENTRY)
#undef VTX_SERVICE_REASON_ENTRY
};

struct cb_status vtx_refuse(enum vtx_service_reason reason,
                            const char *message) {
  const struct vtx_service_reason_entry *entry =
      &vtx_service_reason_table[reason];
  struct cb_status status = cb_status_make(entry->code, entry->name, message);

  status.retryable = entry->retryable;
  return status;
}
