/** 64 lower-case hex digits, as Docker's ids. */
export type Id = string & { readonly __id: string };
export type NetworkId = Id & { readonly __of: "network" };
export type EndpointId = Id & { readonly __of: "endpoint" };
export type SandboxId = Id & { readonly __of: "sandbox" };
export type NamespaceId = Id & { readonly __of: "namespace" };
export type HostId = Id & { readonly __of: "host" };

export function isId(text: string): text is Id {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The first 12 digits, as tables show an id. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
