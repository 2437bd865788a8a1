/* SPDX-License-Identifier: MIT */
/*
 * ubsan.c: the handlers that gcc's -fsanitize=undefined calls, for MODE=ubsan.
 *
 * Each error is logged with its source location and a back-trace. A location is reported once
 * (gcc's record of it is marked). An error after which the code cannot continue (unreachable code)
 * panics. The records' layouts are the compiler's interface, as libubsan documents it.
 */
#include "kernel/lib/types.h"

#ifdef CONFIG_UBSAN
#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"

struct source {
	const char *file;
	u32 line;
	u32 column;
};
struct type {
	u16 kind; /* 0: integer */
	/* For integers: bit 0: signed; above it log2 of the width in bits. */
	u16 info;
	char name[];
};
struct overflow_data {
	struct source at;
	const struct type *type;
};
struct shift_data {
	struct source at;
	const struct type *left, *right;
};
struct bounds_data {
	struct source at;
	const struct type *array, *index;
};
struct mismatch_data {
	struct source at;
	const struct type *type;
	u8 log_alignment;
	u8 kind;
};
struct value_data {
	struct source at;
	const struct type *type;
};
struct place_data {
	struct source at;
};

#define SEEN (~0U)

/* True for the first report of this source location. */
static bool first_time(struct source *at)
{
	return __atomic_exchange_n(&at->column, SEEN, __ATOMIC_RELAXED) != SEEN;
}

/* Returns a value: up to 64 bits it is the argument itself, a wider one is passed by reference. */
static s64 value_of(const struct type *type, u64 v)
{
	u32 bits = 1U << (type->info >> 1);

	if (bits > 64)
		v = *(const u64 *)v;
	if (bits < 64 && type->info & 1)
		return (s64)(v << (64 - bits)) >> (64 - bits);
	return (s64)v;
}

static void found(const struct source *at, const char *what, const struct type *type, s64 value)
{
	if (type)
		printk(KERN_ERR "UBSAN: %s: %s %ld in %s:%u\n", what, type->name, (long)value,
			at->file, at->line);
	else
		printk(KERN_ERR "UBSAN: %s in %s:%u\n", what, at->file, at->line);
	arch_dump_stack();
}

#define HANDLER(name, ...)                                                                         \
	void __ubsan_handle_##name(__VA_ARGS__);                                                   \
	void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, struct overflow_data *d, u64 a, u64 b)
{
	if (first_time(&d->at))
		found(&d->at, "addition overflows", d->type, value_of(d->type, a));
}

HANDLER(sub_overflow, struct overflow_data *d, u64 a, u64 b)
{
	if (first_time(&d->at))
		found(&d->at, "subtraction overflows", d->type, value_of(d->type, a));
}

HANDLER(mul_overflow, struct overflow_data *d, u64 a, u64 b)
{
	if (first_time(&d->at))
		found(&d->at, "multiplication overflows", d->type, value_of(d->type, a));
}

HANDLER(negate_overflow, struct overflow_data *d, u64 a)
{
	if (first_time(&d->at))
		found(&d->at, "negation overflows", d->type, value_of(d->type, a));
}

HANDLER(divrem_overflow, struct overflow_data *d, u64 a, u64 b)
{
	if (first_time(&d->at))
		found(&d->at, "division by zero or overflow", d->type, value_of(d->type, b));
}

HANDLER(shift_out_of_bounds, struct shift_data *d, u64 a, u64 b)
{
	if (first_time(&d->at))
		found(&d->at, "shift out of range by", d->right, value_of(d->right, b));
}

HANDLER(out_of_bounds, struct bounds_data *d, u64 index)
{
	if (first_time(&d->at))
		found(&d->at, "index out of range", d->index, value_of(d->index, index));
}

HANDLER(load_invalid_value, struct value_data *d, u64 v)
{
	if (first_time(&d->at))
		found(&d->at, "no value of its type", d->type, value_of(d->type, v));
}

HANDLER(vla_bound_not_positive, struct value_data *d, u64 v)
{
	if (first_time(&d->at))
		found(&d->at, "array of no length", d->type, value_of(d->type, v));
}

HANDLER(type_mismatch_v1, struct mismatch_data *d, u64 pointer)
{
	if (first_time(&d->at))
		found(&d->at, pointer ? "misaligned or too small object of" : "null pointer to",
			d->type, (s64)pointer);
}

HANDLER(nonnull_arg, struct place_data *d)
{
	if (first_time(&d->at))
		found(&d->at, "null argument", NULL, 0);
}

HANDLER(nonnull_return_v1, struct place_data *d, struct source *at)
{
	if (first_time(at))
		found(at, "null result", NULL, 0);
}

HANDLER(invalid_builtin, struct place_data *d)
{
	if (first_time(&d->at))
		found(&d->at, "bit count of zero", NULL, 0);
}

HANDLER(builtin_unreachable, struct place_data *d)
{
	panic("UBSAN: unreachable code reached in %s:%u", d->at.file, d->at.line);
}

HANDLER(missing_return, struct place_data *d)
{
	panic("UBSAN: a function ended without its result in %s:%u", d->at.file, d->at.line);
}
#endif
