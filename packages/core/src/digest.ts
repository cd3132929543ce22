/**
 * FNV-1a with 32 bits (draft-eastlake-fnv): names that follow from a text. It keeps nobody out; loading a
 * cryptographic hash would take longer than netkit's shortest commands.
 */
export function digest32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
