/* pipe_input.h - a pipe or terminal as a stream that can say whether reading it
 * would block.
 *
 * stdio does not tell what its buffer holds, so the buffer is ours and the
 * stream has none.
 *
 * Threads: none inside. Ownership: the struct is the caller's, and outlives the
 * stream; the descriptor stays open. */
#ifndef VERTEXCTL_PIPE_INPUT_H
#define VERTEXCTL_PIPE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CTL_PIPE_ROOM ((size_t)64 << 10)

struct ctl_pipe_input {
  int fd;
  size_t at; /* bytes [at, end) are not read yet */
  size_t end;
  char bytes[CTL_PIPE_ROOM];
};

/* The stream, to be closed with fclose(). NULL when out of memory. */
FILE *ctl_pipe_input_open(struct ctl_pipe_input *input, int fd);

/* Is there something to read, or the end? The rest of a line that has begun may
 * still be waited for. */
bool ctl_pipe_input_ready(const struct ctl_pipe_input *input);

#endif
