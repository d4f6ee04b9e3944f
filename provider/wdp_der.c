/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_der.h"

#include <errno.h>
#include <string.h>

#include "base/wd_base.h"

#define DER_INTEGER  0x02
#define DER_OCTETS   0x04
#define DER_SEQUENCE 0x30

/* A sequence to be written: tags and contents in order. */
struct der_part {
	uint8_t tag;
	struct hpre_num n;
};

/* ---- reading ------------------------------------------------------------- */

/* What is left to read. */
struct der_rest {
	const uint8_t *p;
	size_t len;
};

static bool der_byte(struct der_rest *r, uint8_t *byte)
{
	if (!r->len)
		return false;
	*byte = *r->p++;
	r->len--;
	return true;
}

/* In as few bytes as it goes; the lengths here have two at most. */
static bool der_length(struct der_rest *r, size_t *len)
{
	uint8_t first, high, low;

	if (!der_byte(r, &first))
		return false;
	switch (first) {
	case 0x81:
		if (!der_byte(r, &low) || low < 0x80)
			return false;
		*len = low;
		return true;
	case 0x82:
		if (!der_byte(r, &high) || !der_byte(r, &low) || !high)
			return false;
		*len = (size_t)high << 8 | low;
		return true;
	default:
		*len = first;
		return first < 0x80;
	}
}

static bool der_take(struct der_rest *r, uint8_t tag, struct hpre_num *n)
{
	uint8_t byte;
	size_t len;

	if (!der_byte(r, &byte) || byte != tag || !der_length(r, &len) ||
	    len > r->len)
		return false;
	*n = (struct hpre_num){ r->p, len };
	r->p += len;
	r->len -= len;
	return true;
}

/* One encoding a number: at least one byte, no zero byte too many. */
static bool der_take_number(struct der_rest *r, struct hpre_num *n)
{
	if (!der_take(r, DER_INTEGER, n) || !n->len || n->p[0] & 0x80)
		return false;
	if (n->p[0] || n->len == 1)
		return true;
	n->p++;
	n->len--;
	return n->p[0] & 0x80;
}

/* One sequence and nothing after it. */
static bool der_open(struct der_rest *r, const uint8_t *der, size_t len)
{
	struct der_rest all = { der, len };
	struct hpre_num inside;

	if (!der_take(&all, DER_SEQUENCE, &inside) || all.len)
		return false;
	*r = (struct der_rest){ inside.p, inside.len };
	return true;
}

int wdp_der_get_sig(struct wdp_der_sig *out, const uint8_t *der, size_t len)
{
	struct wdp_der_sig sig;
	struct der_rest r;

	if (!der_open(&r, der, len) || !der_take_number(&r, &sig.r) ||
	    !der_take_number(&r, &sig.s) || r.len)
		return -EINVAL;
	*out = sig;
	return 0;
}

int wdp_der_get_sm2(struct wdp_der_sm2 *out, const uint8_t *der, size_t len)
{
	struct wdp_der_sm2 t;
	struct der_rest r;

	if (!der_open(&r, der, len) || !der_take_number(&r, &t.x) ||
	    !der_take_number(&r, &t.y) || !der_take(&r, DER_OCTETS, &t.check) ||
	    !der_take(&r, DER_OCTETS, &t.text) || r.len)
		return -EINVAL;
	*out = t;
	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static size_t der_head_size(size_t len)
{
	size_t bytes = 0;

	for (size_t n = len; len >= 0x80 && n; n >>= 8)
		bytes++;
	return 2 + bytes;
}

static uint8_t *der_head(uint8_t *p, uint8_t tag, size_t len)
{
	size_t bytes = der_head_size(len) - 2;

	*p++ = tag;
	if (!bytes)
		*p++ = (uint8_t)len;
	else
		*p++ = (uint8_t)(0x80 | bytes);
	while (bytes--)
		*p++ = (uint8_t)(len >> 8 * bytes);
	return p;
}

static struct hpre_num der_stripped(struct hpre_num n)
{
	while (n.len > 1 && !n.p[0]) {
		n.p++;
		n.len--;
	}
	return n;
}

/* A number whose first bit is set begins with a zero byte. */
static size_t der_pad(const struct der_part *part)
{
	return part->tag == DER_INTEGER && part->n.p[0] & 0x80;
}

static size_t der_part_size(const struct der_part *part)
{
	return part->n.len + der_pad(part);
}

static uint8_t *der_put(uint8_t *p, const struct der_part *part)
{
	p = der_head(p, part->tag, der_part_size(part));
	if (der_pad(part))
		*p++ = 0;
	memcpy(p, part->n.p, part->n.len);
	return p + part->n.len;
}

static size_t der_write(uint8_t *der, size_t size, struct der_part *parts,
			size_t n)
{
	size_t inside = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len;

		if (parts[i].tag == DER_INTEGER)
			parts[i].n = der_stripped(parts[i].n);
		len = der_part_size(&parts[i]);
		inside += der_head_size(len) + len;
	}
	if (der_head_size(inside) + inside > size)
		return 0;
	der = der_head(der, DER_SEQUENCE, inside);
	for (size_t i = 0; i < n; i++)
		der = der_put(der, &parts[i]);
	return der_head_size(inside) + inside;
}

size_t wdp_der_put_sig(uint8_t *der, size_t size, const struct wdp_der_sig *sig)
{
	struct der_part parts[] = { { DER_INTEGER, sig->r },
				    { DER_INTEGER, sig->s } };

	return der_write(der, size, parts, WD_ARRAY_SIZE(parts));
}

size_t wdp_der_put_sm2(uint8_t *der, size_t size,
		       const struct wdp_der_sm2 *text)
{
	struct der_part parts[] = { { DER_INTEGER, text->x },
				    { DER_INTEGER, text->y },
				    { DER_OCTETS, text->check },
				    { DER_OCTETS, text->text } };

	return der_write(der, size, parts, WD_ARRAY_SIZE(parts));
}

static size_t der_object(size_t len)
{
	return der_head_size(len) + len;
}

size_t wdp_der_sm2_max(size_t width, size_t check, size_t len)
{
	return der_object(2 * der_object(width + 1) + der_object(check) +
			  der_object(len));
}
