/* SPDX-License-Identifier: MIT */
/* types.h: the supported program types. */
#ifndef NESTLING_BPF_TYPES_H
#define NESTLING_BPF_TYPES_H

#include "kernel/bpf/internal.h"

extern const struct ebpf_type ebpf_type_device;                       /* device.c */
extern const struct ebpf_type ebpf_type_socket, ebpf_type_cgroup_skb; /* skb.c */

#endif
