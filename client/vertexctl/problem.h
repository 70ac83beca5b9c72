/* problem.h - what is wrong with a file, in words for the person who runs
 * vertexctl. Texts that are too long are cut. Keeps nothing. */
#ifndef VERTEXCTL_PROBLEM_H
#define VERTEXCTL_PROBLEM_H

#include <stdio.h>

struct ctl_problem {
  char text[512]; /* "" while nothing is wrong */
};

#define CTL_PROBLEM(problem, ...) \
  ((void)snprintf((problem)->text, sizeof(problem)->text, __VA_ARGS__))

#endif
