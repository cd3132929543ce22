/**
 * One step per version of the format, from the one before it; a file's version is its PRAGMA user_version. Released
 * steps are never edited.
 *
 * There is no log beside the entries: they are found by revision too, and `removed` says what is missing among them.
 * The highest revision of both is the store's.
 */
export const migrations: readonly string[] = [
  `-- Rows lie in the order in which they came, so that a commit writes few pages; the keys have a tree of their own.
   CREATE TABLE entry (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     value TEXT NOT NULL,
     revision INTEGER NOT NULL,
     lease TEXT
   );
   CREATE INDEX entry_revision ON entry (revision);
   CREATE INDEX entry_lease ON entry (lease) WHERE lease IS NOT NULL;
   CREATE TABLE removed (
     revision INTEGER,
     key TEXT,
     PRIMARY KEY (revision, key)
   ) WITHOUT ROWID;
   -- Removals up to this revision are forgotten: whoever has seen less must read everything again.
   CREATE TABLE forgotten (revision INTEGER NOT NULL);
   INSERT INTO forgotten VALUES (0);
   CREATE TABLE lease (
     id TEXT PRIMARY KEY,
     expires_ms INTEGER NOT NULL
   ) WITHOUT ROWID;`,
];
