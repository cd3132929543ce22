import { cniCodes, CniError } from "./cni-error.ts";

/** Versions of the specification whose configurations and results are spoken, oldest first. */
export const supportedVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type CniVersion = (typeof supportedVersions)[number];

export const newestVersion: CniVersion = "1.1.0";

/** @throws CniError 1, in the words of the specification's Go library */
export function parseVersion(text: string): CniVersion {
  const found = supportedVersions.find((version) => version === text);
  if (found !== undefined) return found;
  throw new CniError(
    cniCodes.incompatibleVersion,
    "incompatible CNI versions",
    `config is ${JSON.stringify(text)}, plugin supports ${JSON.stringify(supportedVersions)}`,
  );
}

export function isAtLeast(version: CniVersion, other: CniVersion): boolean {
  return supportedVersions.indexOf(version) >= supportedVersions.indexOf(other);
}
