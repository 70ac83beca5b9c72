/* settings.h - the options of the command line as messages of the contract.
 *
 * Threads: none inside. Ownership: the messages borrow from the options, which
 * live longer; a schema that was read from a file is the settings' own. */
#ifndef VERTEXCTL_SETTINGS_H
#define VERTEXCTL_SETTINGS_H

#include "client/vertexctl/options.h"
#include "client/vertexd_client.h"

/* The settings that the options give, as the messages they live in. */
struct ctl_settings {
  vertexd_GenerateRequest request;
  vertexd_GenerationConfig config;
  vertexd_Content system;
  vertexd_Part system_part;
  vertexd_Part *system_parts[1];
};

/* Fills *settings; it must not move after that. Ends the program with CTL_USAGE
 * where the schema cannot be read. */
void ctl_settings_make(struct ctl_settings *settings,
                       const struct ctl_options *options);
void ctl_settings_release(struct ctl_settings *settings,
                          const struct ctl_options *options);

vertexd_BatchOptions ctl_batch_options(const struct ctl_options *options);

#endif
