import { malformed } from "./errors.ts";

/** Address families, linux/socket.h. */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

/** An IP version, where a list can be narrowed to one. */
export type IpVersion = 4 | 6;

/** The family number of an address's bytes. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/** The family number of an IP version; AF_UNSPEC, which is both, for none. */
export function familyOfVersion(version: IpVersion | undefined): number {
  return version === undefined ? AF_UNSPEC : version === 4 ? AF_INET : AF_INET6;
}

/** The all-zero address of a family. Throws EBADMSG for one that isn't IP. */
export function zeroAddress(family: number): Uint8Array {
  if (family === AF_INET) return new Uint8Array(4);
  if (family === AF_INET6) return new Uint8Array(16);
  throw malformed(`address family ${family} is not IP`);
}

/** Check that decoded bytes are an address of `family`. Throws EBADMSG. */
export function ofFamily(bytes: Buffer, family: number): Buffer {
  const length = zeroAddress(family).length;
  if (bytes.length !== length) throw malformed(`address of ${bytes.length} bytes, not ${length}`);
  return bytes;
}
