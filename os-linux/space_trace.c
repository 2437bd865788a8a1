/* SPDX-License-Identifier: MIT */
#include "os-linux/os_space.h"
