"""The commands of `roadworthy`, a module each: `add_parser(subparsers)` adds it, `args.run(args)` is its exit code."""
