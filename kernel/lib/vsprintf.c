/* SPDX-License-Identifier: MIT */
/*
 * vsprintf.c: the printf family and its inverse for numbers.
 *
 * A format is read into a struct spec, one conversion at a time. Text goes to a bounded buffer
 * (struct sink) that also counts bytes that did not fit, as C99 requires. There is no floating
 * point and no %n. %p prints 0x and the address without leading zeros.
 */
#include "kernel/lib/string.h"
#include <asm/errno.h>

struct sink {
	char *buf;
	size_t size, n; /* n counts the full length */
};

struct spec {
	bool left, plus, space, alt, zero;
	int width, precision; /* precision -1: none */
	char length;          /* 'H' hh, 'h', 'l' (also ll, z, j, t), 0 */
};

static void put(struct sink *o, char c)
{
	if (o->n < o->size)
		o->buf[o->n] = c;
	o->n++;
}

static void put_n(struct sink *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct sink *o, const struct spec *sp, const char *s, int len)
{
	if (!sp->left)
		put_n(o, ' ', sp->width - len);
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		put_n(o, ' ', sp->width - len);
}

/* The parse_*() functions return the position behind what they have parsed. */
static const char *parse_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		switch (*f) {
		case '-': sp->left = true; break;
		case '+': sp->plus = true; break;
		case ' ': sp->space = true; break;
		case '#': sp->alt = true; break;
		case '0': sp->zero = true; break;
		default: return f;
		}
	}
}

static const char *parse_number(const char *f, int *n)
{
	for (*n = 0; *f >= '0' && *f <= '9'; f++)
		*n = *n * 10 + (*f - '0');
	return f;
}

static const char *parse_length(const char *f, struct spec *sp)
{
	if (*f == 'h') {
		sp->length = f[1] == 'h' ? 'H' : 'h';
		return f + (f[1] == 'h' ? 2 : 1);
	}
	if (*f == 'l') {
		sp->length = 'l';
		return f + (f[1] == 'l' ? 2 : 1);
	}
	if (*f == 'z' || *f == 'j' || *f == 't') {
		sp->length = 'l';
		return f + 1;
	}
	return f;
}

static u64 narrow(u64 v, char length, bool is_signed)
{
	switch (length) {
	case 'H': return is_signed ? (u64)(s64)(s8)v : (u8)v;
	case 'h': return is_signed ? (u64)(s64)(s16)v : (u16)v;
	case 'l': return v;
	default: return is_signed ? (u64)(s64)(s32)v : (u32)v;
	}
}

/* Writes the digits of @v to @tmp, the last digit first, and returns how many. */
static int digits(char *tmp, u64 v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int n = 0;

	if (base == 10)
		for (; v; v /= 10)
			tmp[n++] = (char)('0' + v % 10);
	else
		for (; v; v /= base)
			tmp[n++] = set[v % base];
	return n;
}

static void put_number(struct sink *o, struct spec *sp, u64 v, char conv)
{
	unsigned base = conv == 'x' || conv == 'X' ? 16 : conv == 'o' ? 8 : 10;
	bool is_signed = conv == 'd' || conv == 'i';
	char tmp[24], prefix[3];
	int nd, np = 0, zeros, pad;
	bool is_zero;

	v = narrow(v, sp->length, is_signed);
	is_zero = !v;
	if (is_signed && (s64)v < 0) {
		prefix[np++] = '-';
		v = -v;
	} else if (is_signed && (sp->plus || sp->space)) {
		prefix[np++] = sp->plus ? '+' : ' ';
	}
	nd = digits(tmp, v, base, conv == 'X');
	zeros = (sp->precision < 0 ? 1 : sp->precision) - nd;
	if (base == 16 && sp->alt && !is_zero) {
		prefix[np++] = '0';
		prefix[np++] = conv;
	} else if (base == 8 && sp->alt && zeros <= 0 && (nd || sp->precision == 0)) {
		zeros = 1;
	}
	if (zeros < 0)
		zeros = 0;
	pad = sp->width - np - zeros - nd;
	if (sp->zero && !sp->left && sp->precision < 0 && pad > 0) {
		zeros += pad;
		pad = 0;
	}
	if (!sp->left)
		put_n(o, ' ', pad);
	for (int i = 0; i < np; i++)
		put(o, prefix[i]);
	put_n(o, '0', zeros);
	while (nd)
		put(o, tmp[--nd]);
	if (sp->left)
		put_n(o, ' ', pad);
}

static void put_string(struct sink *o, const struct spec *sp, const char *s)
{
	if (!s)
		s = "(null)";
	put_text(o, sp, s, (int)strnlen(s, sp->precision < 0 ? 0x7fffffff : (size_t)sp->precision));
}

int vsnprintf(char *buf, size_t size, const char *f, va_list ap)
{
	struct sink o = { buf, size, 0 };

	for (; *f; f++) {
		struct spec sp = { .precision = -1 };
		char c;

		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_flags(f + 1, &sp);
		if (*f == '*') {
			sp.width = va_arg(ap, int);
			f++;
			if (sp.width < 0) {
				sp.left = true;
				sp.width = -sp.width;
			}
		} else {
			f = parse_number(f, &sp.width);
		}
		if (*f == '.' && f[1] == '*') {
			sp.precision = va_arg(ap, int);
			f += 2;
		} else if (*f == '.') {
			f = parse_number(f + 1, &sp.precision);
		}
		f = parse_length(f, &sp);
		switch (*f) {
		case 'd':
		case 'i':
		case 'u':
		case 'x':
		case 'X':
		case 'o':
			put_number(
				&o, &sp, sp.length == 'l' ? va_arg(ap, u64) : va_arg(ap, u32), *f);
			break;
		case 'p':
			sp.alt = true;
			sp.length = 'l';
			put_number(&o, &sp, va_arg(ap, u64), 'x');
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_text(&o, &sp, &c, 1);
			break;
		case 's': put_string(&o, &sp, va_arg(ap, const char *)); break;
		case '%': put(&o, '%'); break;
		/*
		 * Copy an unknown conversion and end the text: it is unknown which argument
		 * belongs to the next conversion.
		 */
		default:
			put(&o, '%');
			if (*f)
				put(&o, *f);
			goto out;
		}
	}
out:
	if (size)
		buf[o.n < size ? o.n : size - 1] = 0;
	return (int)o.n;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (!size)
		return 0;
	return (size_t)n < size ? n : (int)size - 1;
}

int invalid(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

/* Parses digits at *s (at least one) and moves *s behind them. */
static int parse_u64(const char **s, unsigned base, u64 *out)
{
	const char *p = *s;
	u64 v = 0;

	if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 32) == 'x' && digit_of(p[2]) < 16) {
		p += 2;
		base = 16;
	} else if (base == 0) {
		base = *p == '0' ? 8 : 10;
	}
	if (digit_of(*p) >= (int)base)
		return -EINVAL;
	for (; digit_of(*p) < (int)base; p++)
		if (check_mul_overflow(v, (u64)base, &v) ||
			check_add_overflow(v, (u64)digit_of(*p), &v))
			return -ERANGE;
	*s = p;
	*out = v;
	return 0;
}

static bool at_end(const char *s)
{
	return !*s || (*s == '\n' && !s[1]);
}

int kstrtou64(const char *s, unsigned base, u64 *out)
{
	u64 v;
	int err;

	if (*s == '+')
		s++;
	err = parse_u64(&s, base, &v);
	if (err)
		return err;
	if (!at_end(s))
		return -EINVAL;
	*out = v;
	return 0;
}

int kstrtos64(const char *s, unsigned base, s64 *out)
{
	bool neg = *s == '-';
	u64 v;
	int err = kstrtou64(s + neg, base, &v);

	if (err)
		return err;
	if (neg && s[1] == '+')
		return -EINVAL;
	if (v > (u64)INT64_MAX + neg)
		return -ERANGE;
	*out = neg ? (s64)-v : (s64)v;
	return 0;
}

int kstrtosize(const char *s, u64 *out)
{
	static const char units[] = "kmgt";
	const char *u;
	u64 v;
	int err = parse_u64(&s, 0, &v);

	if (err)
		return err;
	if (*s && *s != '\n') {
		u = strchr(units, *s | 32);
		if (!u)
			return -EINVAL;
		if (check_mul_overflow(v, 1UL << (10 * (u - units + 1)), &v))
			return -ERANGE;
		s++;
	}
	if (!at_end(s))
		return -EINVAL;
	*out = v;
	return 0;
}
