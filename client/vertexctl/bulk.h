/* bulk.h - a batch or map of a file: the run that --input starts. */
#ifndef VERTEXCTL_BULK_H
#define VERTEXCTL_BULK_H

#include "client/vertexctl/options.h"
#include "client/vertexd_client.h"

/* Runs to the end and says on stderr how it went. defaults hold the settings
 * of the command line. */
enum ctl_exit ctl_bulk_run(const struct ctl_options *options,
                           const vertexd_GenerateRequest *defaults);

#endif
