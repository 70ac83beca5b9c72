#include "client/vertexctl/pipe_input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_some(void *cookie, char *out, size_t size) {
  struct ctl_pipe_input *input = cookie;

  if (input->at == input->end) {
    ssize_t count;

    do
      count = read(input->fd, input->bytes, sizeof input->bytes);
    while (count < 0 && errno == EINTR);
    if (count <= 0) return count;
    input->at = 0;
    input->end = (size_t)count;
  }
  if (size > input->end - input->at) size = input->end - input->at;
  memcpy(out, input->bytes + input->at, size);
  input->at += size;
  return (ssize_t)size;
}

FILE *ctl_pipe_input_open(struct ctl_pipe_input *input, int fd) {
  FILE *file;

  input->fd = fd;
  input->at = 0;
  input->end = 0;
  file = fopencookie(input, "r", (cookie_io_functions_t){.read = read_some});
  if (file) setvbuf(file, NULL, _IONBF, 0);
  return file;
}

bool ctl_pipe_input_ready(const struct ctl_pipe_input *input) {
  struct pollfd wait = {.fd = input->fd, .events = POLLIN};

  return input->at < input->end || poll(&wait, 1, 0) != 0;
}
