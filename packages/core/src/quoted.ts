/** What somebody gave us, as a message shows it: in quotes, on one line, without control characters, 64 characters at most. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 61)}...` : text);
}
