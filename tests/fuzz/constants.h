/* SPDX-License-Identifier: MIT */
/* The headers whose constants tests/fuzz/kinds uses by name. */
#ifndef FUZZ_CONSTANTS_H
#define FUZZ_CONSTANTS_H
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#endif
