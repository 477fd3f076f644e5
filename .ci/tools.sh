# The cargo programs that checks use, at pinned versions, installed into .tools/ when they are first
# needed. Source this file in the root folder.

version_of() {
    case "$1" in
        cargo-deny) echo 0.20.2 ;;
        cargo-audit) echo 0.22.2 ;;
        cargo-cyclonedx) echo 0.5.9 ;;
        cargo-fuzz) echo 0.13.2 ;;
        *) echo "no version of $1 is pinned" >&2; return 1 ;;
    esac
}

# Prints the path of the program. It is compiled without optimisation and debug information, because
# compiling takes longer than running. The version is part of the folder's name, so that another
# version is installed beside it.
tool() {
    local version root
    version=$(version_of "$1")
    root=".tools/$1-$version"
    if [ ! -x "$root/bin/$1" ]; then
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug \
            --version "$version" --root "$root" "$1" >&2
    fi
    echo "$PWD/$root/bin/$1"
}
