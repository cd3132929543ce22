/** An address and how many of its leading bits are the network's. */
export interface Prefix {
  /** 4 bytes (IPv4) or 16 bytes (IPv6). */
  readonly bytes: Uint8Array;
  readonly length: number;
}

/**
 * Parse an IPv4 or IPv6 address into its 4 or 16 bytes. Throws TypeError.
 *
 * Strict: four decimal parts without leading zeros, or RFC 4291 text; no zone, no hex or octal, no short IPv4 form.
 */
export function parseAddress(text: string): Uint8Array {
  const bytes = text.includes(":") ? parseV6(text) : parseV4(text);
  if (!bytes) throw new TypeError(`Not an IP address: ${JSON.stringify(text)}`);
  return bytes;
}

/** Format 4 or 16 bytes; IPv6 as RFC 5952 says. Throws TypeError for another length. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) throw new TypeError(`An IP address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join(".")}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** Parse `10.0.0.0/8` or `fd00::/64`; host bits are kept. Throws TypeError. */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const bytes = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const length = slash < 0 ? undefined : decimal(text.slice(slash + 1), bytes.length * 8);
  if (length === undefined) throw new TypeError(`Not an address with a prefix length: ${JSON.stringify(text)}`);
  return { bytes, length };
}

/** Format as `10.0.0.0/8`. */
export function formatPrefix({ bytes, length }: Prefix): string {
  return `${formatAddress(bytes)}/${length}`;
}

/** Parse `02:6e:0a:00:00:02` into its 6 bytes. Throws TypeError. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new TypeError(`Not a MAC address: ${JSON.stringify(text)}`);
  const bytes = new Uint8Array(6);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(at * 3, at * 3 + 2), 16);
  return bytes;
}

/** Two digits for each byte: with them, an address is text in a tenth of the time. */
const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Format a link-layer address of any length in lower case. */
export function formatMac(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += text === "" ? hex[byte] : `:${hex[byte]}`;
  return text;
}

function parseV4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let at = 0;
  for (const part of text.split(".")) {
    const value = at < bytes.length ? decimal(part, 255) : undefined;
    if (value === undefined) return undefined;
    bytes[at++] = value;
  }
  return at === bytes.length ? bytes : undefined;
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half, at) => parseGroups(half, at === halves.length - 1));
  const given = (head?.length ?? 0) + (tail?.length ?? 0);
  if (!head || !tail || (halves.length === 1 ? given !== 16 : given > 14)) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of groups joined by colons; the last may be an IPv4 address. */
function parseGroups(text: string, last: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    if (last && at === parts.length - 1 && part.includes(".")) {
      const v4 = parseV4(part);
      if (!v4) return null;
      bytes.push(...v4);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    } else {
      return null;
    }
  }
  return bytes;
}

function decimal(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const value = Number(text);
  return value > max ? undefined : value;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start };
  }
  return best;
}
