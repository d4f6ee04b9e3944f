/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd_field.h - a descriptor is told once.
 *
 * Every descriptor, context and doorbell is a `.def` file with one row per
 * field; encoder, device model, trace dump, docs/hw tables and the overlap
 * test all come from it:
 *
 *	WD_FIELD(HPRE_SQE, ALG, 0, 0, 5)   / * docs/hw/hpre.md#alg * /
 *	         prefix    name word lo width
 *
 * A header that wants the table expands the file twice:
 *
 *	#define WD_FIELD WD_FIELD_ENUM
 *	enum hpre_sqe_field {
 *	#include "hpre_sqe.def"
 *		HPRE_SQE_FIELDS
 *	};
 *	#undef WD_FIELD
 *	#define WD_FIELD WD_FIELD_ROW
 *	static const struct wd_field hpre_sqe_fields[HPRE_SQE_FIELDS] = {
 *	#include "hpre_sqe.def"
 *	};
 *	#undef WD_FIELD
 *
 * The table is a static const in the header so that a release build folds
 * every wd_put() with a constant field into one or two instructions.
 * Words are 32 bits, little-endian in memory, used in place.
 */
#ifndef WD_FIELD_H
#define WD_FIELD_H

#include <stddef.h>
#include <stdint.h>

struct wd_field {
	const char *name;
	uint8_t word;  /* index of the 32-bit word */
	uint8_t lo;    /* lowest bit */
	uint8_t width; /* bits, 1 to 32; a field never crosses a word */
};

#define WD_FIELD_ENUM(prefix, field, word, lo, width) prefix##_##field,
#define WD_FIELD_ROW(prefix, field, word, lo, width)                           \
	[prefix##_##field] = { #field, (word), (lo), (width) },

/* Largest value the field holds. */
static inline uint32_t wd_field_max(const struct wd_field *f)
{
	return f->width == 32 ? UINT32_MAX : (1u << f->width) - 1;
}

static inline uint32_t wd_get(const uint32_t *words, const struct wd_field *f)
{
	return words[f->word] >> f->lo & wd_field_max(f);
}

/* Bits of @value above the field's width are dropped: check before. */
static inline void wd_put(uint32_t *words, const struct wd_field *f,
			  uint32_t value)
{
	uint32_t mask = wd_field_max(f) << f->lo;

	words[f->word] = (words[f->word] & ~mask) | (value << f->lo & mask);
}

/* 64-bit addresses and tags are two rows, X_LO directly before X_HI. */
static inline uint64_t wd_get64(const uint32_t *words,
				const struct wd_field *lo)
{
	return (uint64_t)wd_get(words, lo + 1) << 32 | wd_get(words, lo);
}

static inline void wd_put64(uint32_t *words, const struct wd_field *lo,
			    uint64_t value)
{
	wd_put(words, lo, (uint32_t)value);
	wd_put(words, lo + 1, (uint32_t)(value >> 32));
}

/**
 * wd_fields_dump() - the non-zero fields as "NAME=0x2 NAME=0x1 ..."
 * @buf:    text out, always terminated when @size > 0; cut when too small
 * @size:   bytes at @buf
 * @words:  the descriptor
 * @fields: its table
 * @n:      rows
 *
 * Return: length of the whole text, as snprintf() counts.
 */
size_t wd_fields_dump(char *buf, size_t size, const uint32_t *words,
		      const struct wd_field *fields, size_t n);

/**
 * wd_fields_overlap() - find two rows that claim the same bit
 * @fields: table
 * @n:      rows
 * @words:  size of the descriptor in 32-bit words
 *
 * Return: index of the first row that overlaps an earlier one or leaves the
 *         descriptor, -1 if none does.
 */
int wd_fields_overlap(const struct wd_field *fields, size_t n, size_t words);

#endif
