// Reads Kubernetes manifests from standard input as the API server does: with the types of its API, every unknown or
// doubled field refused. Prints one line per document, "<apiVersion> <kind> <name>", and exits with 1 at the first bad one.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if err := check(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(from io.Reader, to io.Writer) error {
	decoder := json.NewSerializerWithOptions(
		json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(from))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return fmt.Errorf("%w\nin:\n%s", err, firstLines(document))
		}
		name, err := nameOf(object)
		if err != nil {
			return err
		}
		fmt.Fprintf(to, "%s %s %s\n", kind.GroupVersion(), kind.Kind, name)
	}
}

func nameOf(object runtime.Object) (string, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return "", err
	}
	if accessor.GetName() == "" {
		return "", errors.New("a document has no name")
	}
	return accessor.GetName(), nil
}

func firstLines(document []byte) []byte {
	lines := bytes.SplitN(document, []byte("\n"), 7)
	return bytes.Join(lines[:min(6, len(lines))], []byte("\n"))
}
