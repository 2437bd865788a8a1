/* SPDX-License-Identifier: MIT */
/*
 * release.h: the version of Linux whose interface this kernel implements, as uname(2) returns it.
 */
#ifndef NESTLING_LIB_RELEASE_H
#define NESTLING_LIB_RELEASE_H

#define KERNEL_RELEASE "6.12.0-nestling"

#endif
