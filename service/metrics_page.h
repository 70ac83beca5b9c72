/* metrics_page.h - what vertexd tells Prometheus: all its families as one page.
 *
 * docs/operations.md has the table of them. Each is there on every page, also
 * those of targets while there is none, but for what the system does not say.
 *
 * Threads:   none inside.
 * Ownership: everything is borrowed for the call.
 */
#ifndef VTX_METRICS_PAGE_H
#define VTX_METRICS_PAGE_H

#include <stddef.h>

struct cb_buf;
struct vtx_counters;
struct vtx_target_report;

struct vtx_metrics_figures {
  const char *version;
  const struct vtx_counters *counters;
  const struct vtx_target_report *targets; /* up to VTX_REPORT_MOST */
  size_t target_count;
  size_t left_out; /* targets that are not among them */
};

/* More than a page has, with the longest names that targets may have. */
#define VTX_METRICS_PAGE_MAX ((size_t)2 * 1024 * 1024)

/* Adds the page. */
void vtx_metrics_page(const struct vtx_metrics_figures *figures,
                      struct cb_buf *page);

#endif
