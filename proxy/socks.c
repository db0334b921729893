#include "proxy/socks.h"

#include <string.h>

enum { VERSION = 5, COMMAND_CONNECT = 1, TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4, NO_METHOD = 0xff };

long
kv_socks_greeting(const uint8_t *in, size_t len, uint8_t *method)
{
	*method = NO_METHOD;
	if ((len >= 1 && in[0] != VERSION) || (len >= 2 && in[1] == 0))
		return -1;
	if (len < 2 || len < (size_t)in[1] + 2)
		return 0;
	if (memchr(in + 2, 0, in[1]) != NULL)
		*method = 0;
	return (long)in[1] + 2;
}

/* Bytes of the address by its type, a name's with its length; 0 while that is not known, -1 for another type. */
static long
address_length(const uint8_t *in, size_t len)
{
	switch (in[3]) {
	case TYPE_V4:
		return 4;
	case TYPE_V6:
		return 16;
	case TYPE_NAME:
		return len < 5 ? 0 : (long)in[4] + 1;
	default:
		return -1;
	}
}

static int
read_address(const uint8_t *at, uint8_t type, struct kv_host *host)
{
	if (type == TYPE_NAME)
		return kv_host_parse((const char *)at + 1, at[0], false, host);
	memset(host, 0, sizeof(*host));
	host->is_address = true;
	kv_address_set(&host->address, type == TYPE_V6, at);
	kv_address_text(&host->address, host->name);
	return 0;
}

/* Sets reply where one of the first three bytes is wrong; a byte that is not there yet is not. */
static int
check_start(const uint8_t *in, size_t len, uint8_t *reply)
{
	*reply = KV_SOCKS_FAILURE;
	if (len >= 1 && in[0] != VERSION)
		return -1;
	if (len >= 2 && in[1] != COMMAND_CONNECT) {
		*reply = KV_SOCKS_COMMAND;
		return -1;
	}
	return len >= 3 && in[2] != 0 ? -1 : 0;
}

long
kv_socks_request(const uint8_t *in, size_t len, struct kv_host *host, uint16_t *port, uint8_t *reply)
{
	long address;
	size_t end;

	if (check_start(in, len, reply) != 0)
		return -1;
	if (len < 4)
		return 0;
	address = address_length(in, len);
	if (address < 0)
		*reply = KV_SOCKS_ADDRESS;
	if (address <= 0)
		return address;
	end = 4 + (size_t)address;
	if (len < end + 2)
		return 0;
	if (read_address(in + 4, in[3], host) != 0) {
		*reply = KV_SOCKS_ADDRESS;
		return -1;
	}
	*port = (uint16_t)(in[end] << 8 | in[end + 1]);
	if (*port == 0)
		return -1;
	*reply = KV_SOCKS_OK;
	return (long)end + 2;
}

void
kv_socks_reply(uint8_t reply, uint8_t out[10])
{
	memset(out, 0, 10);
	out[0] = VERSION;
	out[1] = reply;
	out[3] = TYPE_V4;
}
