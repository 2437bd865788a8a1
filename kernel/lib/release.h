/* SPDX-License-Identifier: MIT */
/* release.h: the version of Linux whose interface this kernel has, as uname(2) says it. */
#ifndef NESTLING_LIB_RELEASE_H
#define NESTLING_LIB_RELEASE_H

#define KERNEL_RELEASE "6.12.0-nestling"

#endif
