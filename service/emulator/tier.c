#include "service/emulator/tier.h"

#include <stddef.h>
#include <string.h>

/* Provisioned throughput has no tiers. */
const char *vtx_emu_tier_of(const char *request_type, const char *shared_type) {
  const char *shared = "ON_DEMAND";

  if (shared_type && strcmp(shared_type, "priority") == 0) {
    shared = "ON_DEMAND_PRIORITY";
  } else if (shared_type && strcmp(shared_type, "flex") == 0) {
    shared = "ON_DEMAND_FLEX";
  } else if (shared_type) {
    return NULL;
  }
  if (!request_type || strcmp(request_type, "shared") == 0) return shared;
  return strcmp(request_type, "dedicated") == 0 ? "PROVISIONED_THROUGHPUT"
                                                : NULL;
}
