/** The page gets preact as one file under this name; what it brings is in its own types. */
export * from 'preact';
