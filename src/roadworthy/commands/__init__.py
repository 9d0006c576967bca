"""The commands of `roadworthy`, one module each: `add_parser(subparsers)` adds it, `args.run(args)` gives its exit code."""
