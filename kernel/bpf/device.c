/* SPDX-License-Identifier: MIT */
/*
 * device.c: programs of BPF_PROG_TYPE_CGROUP_DEVICE. Their context is struct bpf_cgroup_dev_ctx,
 * which they can only read.
 */
#include "kernel/bpf/types.h"
#include "kernel/lib/string.h"

static enum ebpf_field device_field(const struct ebpf_rights *r, u32 off, u32 size, bool write)
{
	/* access_type may be read in parts, but major and minor only as a whole. */
	if (write || off > sizeof(struct bpf_cgroup_dev_ctx) - 4 || size > 4 ||
		(off >= offsetof(struct bpf_cgroup_dev_ctx, major) && size != 4))
		return FIELD_NONE;
	return FIELD_NUMBER;
}

static u64 device_read(void *ctx, u32 off, u32 size)
{
	u64 v = 0;

	if (off + size <= sizeof(struct bpf_cgroup_dev_ctx))
		memcpy(&v, (const u8 *)ctx + off, size);
	return v;
}

const struct ebpf_type ebpf_type_device = { .type = BPF_PROG_TYPE_CGROUP_DEVICE,
	.net_admin = true,
	.verdict = true,
	.field = device_field,
	.read = device_read };
