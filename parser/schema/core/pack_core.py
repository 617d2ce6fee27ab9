#!/usr/bin/env python3
"""Packs the text of the core (make_core.py) into core.pack, which core_pack.h describes.

    pack_core.py <core.txt >core.pack

Each provider's text is compressed by itself with XPRESS Huffman ([MS-XCA] 2.1), for which the program has a decoder.
"""

import hashlib
import heapq
import struct
import sys
import uuid

BLOCK = 65536  # bytes that share a Huffman code
SYMBOLS, MAX_BITS = 512, 15
END = 256  # the symbol that ends a stream
CANDIDATES = 16  # earlier places that are tried for a match


def matches(data):
    """The data as (literal, 0) and (distance, length) pairs; none crosses the end of a block."""
    places, tokens, at = {}, [], 0
    while at < len(data):
        most = min(len(data), at - at % BLOCK + BLOCK) - at
        best, distance = 0, 0
        for place in reversed(places.get(data[at : at + 4], ())):
            if at - place >= BLOCK:
                break
            if best >= most or (best and data[place + best] != data[at + best]):
                continue
            length = 0
            while length + 16 <= most and data[place + length : place + length + 16] == data[at + length : at + length + 16]:
                length += 16
            while length < most and data[place + length] == data[at + length]:
                length += 1
            if length > best:
                best, distance = length, at - place
        best = best if best >= 3 else 1
        tokens.append((distance, best) if best > 1 else (data[at], 0))
        for place in range(at, at + best):
            chain = places.setdefault(data[place : place + 4], [])
            chain.append(place)
            del chain[:-CANDIDATES]
        at += best
    return tokens


def symbol_of(token):
    distance, length = token
    return distance if not length else 256 + (distance.bit_length() - 1) * 16 + min(length - 3, 15)


def code_lengths(counts):
    """{symbol: bits} of a Huffman code in which no symbol has more than MAX_BITS."""
    while True:
        heap = [(count, symbol, {symbol: 0}) for symbol, count in sorted(counts.items())]
        heapq.heapify(heap)
        while len(heap) > 1:
            (a, first, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
            heapq.heappush(heap, (a + b, first, {symbol: bits + 1 for symbol, bits in (left | right).items()}))
        lengths = heap[0][2]
        if max(lengths.values()) <= MAX_BITS:
            return lengths
        counts = {symbol: count // 2 + 1 for symbol, count in counts.items()}


class Bits:
    """16-bit words, most significant bit first. The reader fetches two words ahead, so that bytes between words are
    where it has fetched to."""

    def __init__(self, out):
        self.out, self.places, self.word, self.free = out, [len(out), len(out) + 2], 0, 16
        out += bytes(4)

    def put(self, value, count):
        if self.free < count:
            over = count - self.free
            struct.pack_into("<H", self.out, self.places.pop(0), self.word << self.free | value >> over)
            self.places.append(len(self.out))
            self.out += bytes(2)
            self.word, self.free, value, count = 0, 16, value & (1 << over) - 1, over
        self.word = self.word << count | value
        self.free -= count

    def finish(self):
        struct.pack_into("<H", self.out, self.places[0], self.word << self.free)


def put_block(out, tokens, is_last):
    counts = {END: 1}  # never alone, as a code needs two symbols
    for token in tokens:
        counts[symbol_of(token)] = counts.get(symbol_of(token), 0) + 1
    lengths = code_lengths(counts)
    out += bytes(lengths.get(s, 0) | lengths.get(s + 1, 0) << 4 for s in range(0, SYMBOLS, 2))
    codes, code, last = {}, 0, 0
    for bits, symbol in sorted((bits, symbol) for symbol, bits in lengths.items()):
        code <<= bits - last
        codes[symbol], last, code = code, bits, code + 1
    bits = Bits(out)
    for token in tokens:
        distance, length = token
        symbol = symbol_of(token)
        bits.put(codes[symbol], lengths[symbol])
        if length >= 18:
            out += bytes([length - 18]) if length - 18 < 255 else struct.pack("<BH", 255, length - 3)
        if length:
            extra = distance.bit_length() - 1
            bits.put(distance - (1 << extra), extra)
    if is_last:
        bits.put(codes[END], lengths[END])
    bits.finish()


def compressed(data):
    out, tokens, at, filled = bytearray(), matches(data), 0, 0
    for end, (_, length) in enumerate(tokens, 1):
        filled += length or 1
        if filled == BLOCK or end == len(tokens):
            put_block(out, tokens[at:end], end == len(tokens))
            at, filled = end, 0
    return out if len(out) < len(data) else data


def main():
    text = sys.stdin.buffer.read()
    parts = split(text)
    rows = sorted((uuid.UUID(part.split(b"\t")[1].decode()).bytes_le, part) for part in parts)
    text = b"".join(part for _, part in rows)
    head = 32 + 4 + 32 * len(rows)
    names, blocks, index = bytearray(), bytearray(), []
    for guid, part in rows:
        block = compressed(part)
        events = sum(line[:1].isdigit() for line in part.split(b"\n"))
        index.append((guid, head + len(names), len(blocks), len(part), events))
        names += part.split(b"\n")[0].split(b"\t")[2] + b"\0"
        blocks += block
    base = head + len(names)
    out = bytearray(hashlib.sha256(text).digest() + struct.pack("<I", len(rows)))
    for guid, name, block, size, events in index:
        out += guid + struct.pack("<4I", name, base + block, size, events)
    sys.stdout.buffer.write(out + names + blocks)


def split(text):
    """The text of each provider."""
    lines, parts = text.splitlines(keepends=True), []
    for line in lines:
        if line.startswith(b"provider\t"):
            parts.append(bytearray())
        parts[-1] += line
    return [bytes(part) for part in parts]


main()
