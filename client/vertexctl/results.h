/* results.h - the output file: a JSON line for each item, whole or not at all.
 *
 * Each line is written by one write(2) to a file opened for appending, so that
 * whatever ends the process leaves whole lines; only the machine's own end, or
 * a full disk, can tear the last one, and reading on resume cuts that off. The
 * file is locked while it is in use.
 *
 * Threads: none inside. Ownership: the struct is the caller's.
 */
#ifndef VERTEXCTL_RESULTS_H
#define VERTEXCTL_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vertexctl/ids.h"
#include "client/vertexctl/problem.h"

struct ctl_results {
  const char *path; /* NULL: stdout; borrowed */
  int fd;
  bool sync; /* each line is on the disk before the next is written */
};

/* What a file from an earlier run has. */
struct ctl_earlier {
  uint64_t answered;
  uint64_t failed;
  uint64_t torn; /* bytes that were cut off its end */
};

/* Opens path, made if it is not there; NULL is stdout. Without resume a file
 * that has anything in it is refused, so that no answer is lost. */
bool ctl_results_open(struct ctl_results *results, const char *path,
                      bool resume, struct ctl_problem *problem);
void ctl_results_close(struct ctl_results *results);

/* Reads the lines of an earlier run and marks their ids; cuts off a torn last
 * line. With forget_failed, lines with an error are taken out of the file (by
 * way of a new one, PATH.new, that replaces it), and their ids are open. */
bool ctl_results_read(struct ctl_results *results, struct ctl_ids *ids,
                      bool forget_failed, struct ctl_earlier *ret_earlier,
                      struct ctl_problem *problem);

/* Writes one line, newline included. */
bool ctl_results_write(struct ctl_results *results, const char *line,
                       size_t size, struct ctl_problem *problem);

#endif
