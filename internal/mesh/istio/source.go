package istio

// The sources of images and charts, as the user gives them and the report shows
// them. The table of versions says which has which.
const (
	SourceRelease = "release"
	SourceModules = "modules"
	SourceArchive = "archive"
)
