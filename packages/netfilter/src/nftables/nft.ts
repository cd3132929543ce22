/** What nft made of a script. */
export interface NftResult {
  /** 0, or not 0: then nothing of the script was carried out. */
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

/**
 * Runs nft scripts in one namespace, each as one transaction. The only way from this package to nftables: what
 * libnftables or the program can do to netkit, a test can do here.
 */
export interface Nft {
  /** `json`: a single command that lists, with JSON as its output (libnftables-json(5)). */
  run(script: string, json?: boolean): NftResult | Promise<NftResult>;
  close(): void;
}

let interpose: (nft: Nft) => Nft = (nft) => nft;

/**
 * Put `wrap` around every {@link Nft} that is opened from now on, and return what was there before. For fault
 * injection: make call N fail, or kill the process before or after it.
 */
export function setNft(wrap: (nft: Nft) => Nft): (nft: Nft) => Nft {
  const previous = interpose;
  interpose = wrap;
  return previous;
}

export function interposed(nft: Nft): Nft {
  return interpose(nft);
}
