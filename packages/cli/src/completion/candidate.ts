/** A word, and what it is for the shells that show it. */
export interface Candidate {
  readonly word: string;
  readonly summary?: string;
}

/** Tells the shell's script to complete a file name. */
export const pathCandidate: Candidate = { word: ":path" };
