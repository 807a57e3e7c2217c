// The version of the Gateway API whose CustomResourceDefinitions the checks
// install, the one that the newest Istio is built with. Nothing of it is compiled:
// they are read from the module's files.
module istio-conformance/images/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.0
