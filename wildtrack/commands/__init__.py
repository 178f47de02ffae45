"""The commands: a module each, with every setting (`Config`) and the recipe, to be read top to bottom.

In: a `Config`. Out: files, and what a person reads on the screen. A script at the root of the project is a command with
the few settings that people turn; `wildtrack NAME` runs the same from an installed package.

- `cli`: `wildtrack NAME`
- `train`, `evaluate`, `search`, `serve`, `access`, `assess`, `compare`: the commands
"""
