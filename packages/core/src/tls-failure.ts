/** Why a store's server can't be spoken to, and what its user does about it. */
export interface ConnectFailure {
  readonly why: string;
  readonly hint?: string;
}

/** Codes of Node and OpenSSL (tls, "X509 certificate error codes") for a chain that ends in nobody who is trusted. */
const untrusted =
  /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT(?:_IN_CHAIN)?|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)$/;

/**
 * What an error of node:tls means to whoever wrote a store's URL; undefined: it says something else.
 * @param scheme of the URL without TLS; with it, an s follows
 * @param certificate the file of the client's own, if it has one
 */
export function tlsFailure(error: unknown, scheme: string, certificate?: string): ConnectFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = "", message } = error as Error & { readonly code?: string };
  if (untrusted.test(code)) {
    return {
      why: "nobody who is trusted here has signed its certificate",
      hint: "Name the file of the authority that has: ?cacert=FILE in the store's URL.",
    };
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return { why: `by this host's clock, its ${message}`, hint: "Renew its certificate, or set the clock." };
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return { why: message, hint: "Name the server in the store's URL as its certificate does." };
  }
  if (/^ERR_SSL_.*ALERT.*(?:CERT|UNKNOWN_CA)/.test(code)) {
    const signed = "of an authority that it trusts, and its key: ?cert=FILE&key=FILE in the store's URL.";
    return certificate === undefined
      ? { why: "it wants a certificate of its clients", hint: `Name one ${signed}` }
      : { why: `it doesn't take this client's certificate, ${certificate}`, hint: `Name one ${signed}` };
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return {
      why: "it doesn't speak TLS",
      hint: `Write ${scheme}: in the store's URL, without cacert, cert and key; or have the server speak TLS.`,
    };
  }
  return undefined;
}

/** Of a server that doesn't answer as one without TLS. */
export function askWithTls(scheme: string): string {
  return `Write ${scheme}s: in the store's URL, with ?cacert=FILE where its certificate isn't of a public authority.`;
}
