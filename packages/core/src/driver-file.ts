/**
 * Whether drivers may have a file there, for programs beside netkit: below /run, which is empty after a boot, in a folder that is
 * neither netkit's own nor that of network namespaces.
 */
export function isDriverFile(path: string): boolean {
  const [, run, folder = "", ...rest] = path.split("/");
  const parts = [folder, ...rest];
  if (run !== "run" || rest.length === 0 || folder === "netkit" || folder === "netns") return false;
  return parts.every((part) => /^[\w.@+-]+$/.test(part) && part !== "." && part !== "..");
}
