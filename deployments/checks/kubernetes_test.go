package checks

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomizations are the folders that kubectl apply -k may be given.
var kustomizations = []string{"base", "overlays/production"}

// installation is what a kustomization puts into a cluster.
type installation struct {
	deployment apps.Deployment
	service    core.Service
	config     core.ConfigMap
	ingress    networking.Ingress
	network    networking.NetworkPolicy
	disruption policy.PodDisruptionBudget
}

// kustomize builds a folder as kubectl does, and decodes what comes out as a server
// that takes no unknown field and none twice.
func kustomize(t *testing.T, folder string) installation {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(deployments, "kubernetes", folder))
	if err != nil {
		t.Fatal(err)
	}
	var in installation
	slots := map[string]runtime.Object{
		"Deployment": &in.deployment, "Service": &in.service, "ConfigMap": &in.config,
		"Ingress": &in.ingress, "NetworkPolicy": &in.network, "PodDisruptionBudget": &in.disruption,
	}
	decoder := strictDecoder(t)
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kind := resource.GetKind()
		into, ok := slots[kind]
		if !ok {
			t.Fatalf("%s: a %s that no test knows, or a second one", folder, kind)
		}
		delete(slots, kind)
		if _, _, err := decoder.Decode(text, nil, into); err != nil {
			t.Errorf("%s: %v\n%s", folder, err, text)
		}
	}
	for kind := range slots {
		t.Errorf("%s has no %s", folder, kind)
	}
	return in
}

func strictDecoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

func each(t *testing.T, do func(t *testing.T, in installation)) {
	for _, folder := range kustomizations {
		t.Run(folder, func(t *testing.T) { do(t, kustomize(t, folder)) })
	}
}

// TestKubernetesDecoderIsStrict guards the check itself.
func TestKubernetesDecoderIsStrict(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown field": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: 80}\n",
		"a field twice":    "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\nspec: {}\n",
	} {
		if _, _, err := strictDecoder(t).Decode([]byte(text), nil, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestKubernetesSelectorsMatch(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		pod := labels.Set(in.deployment.Spec.Template.Labels)
		selectors := map[string]*meta.LabelSelector{
			"the deployment":        in.deployment.Spec.Selector,
			"the disruption budget": in.disruption.Spec.Selector,
			"the network policy":    &in.network.Spec.PodSelector,
			"the service":           {MatchLabels: in.service.Spec.Selector},
		}
		for _, spread := range in.deployment.Spec.Template.Spec.TopologySpreadConstraints {
			selectors["the spread over "+spread.TopologyKey] = spread.LabelSelector
		}
		for what, selector := range selectors {
			s, err := meta.LabelSelectorAsSelector(selector)
			if err != nil || s.Empty() || !s.Matches(pod) {
				t.Errorf("%s selects %v, pods are %v: %v", what, s, pod, err)
			}
		}
	})
}

// container is the only one of the pods.
func (in installation) container(t *testing.T) core.Container {
	t.Helper()
	all := in.deployment.Spec.Template.Spec.Containers
	if len(all) != 1 {
		t.Fatalf("%d containers", len(all))
	}
	return all[0]
}

func (in installation) hasPort(t *testing.T, port intstr.IntOrString) bool {
	return slices.ContainsFunc(in.container(t).Ports, func(p core.ContainerPort) bool {
		return p.Name == port.StrVal || p.ContainerPort == port.IntVal
	})
}

func TestKubernetesPortsAreThere(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		for _, p := range in.service.Spec.Ports {
			if !in.hasPort(t, p.TargetPort) {
				t.Errorf("the service's port %s leads to %s", p.Name, p.TargetPort.String())
			}
		}
		for _, rule := range in.ingress.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				to := path.Backend.Service
				if to.Name != in.service.Name || !slices.ContainsFunc(in.service.Spec.Ports, func(p core.ServicePort) bool { return p.Name == to.Port.Name }) {
					t.Errorf("%s leads to %s", rule.Host, to)
				}
			}
		}
		for _, rule := range in.network.Spec.Ingress {
			for _, p := range rule.Ports {
				if !in.hasPort(t, *p.Port) {
					t.Errorf("the network policy lets in to %s", p.Port)
				}
			}
		}
		// Annotations are what Prometheus goes by.
		if port := in.deployment.Spec.Template.Annotations["prometheus.io/port"]; !in.hasPort(t, intstr.Parse(port)) {
			t.Errorf("Prometheus is sent to port %q", port)
		}
	})
}

func TestKubernetesVolumesAreThere(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		for _, mount := range in.container(t).VolumeMounts {
			if !slices.ContainsFunc(in.deployment.Spec.Template.Spec.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) {
				t.Errorf("there is no volume %s", mount.Name)
			}
		}
		for _, v := range in.deployment.Spec.Template.Spec.Volumes {
			if v.ConfigMap != nil && v.ConfigMap.Name != in.config.Name {
				t.Errorf("the pods want the configuration %s, it is called %s", v.ConfigMap.Name, in.config.Name)
			}
		}
	})
}

func TestKubernetesPodsAreConfined(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		pod, c := in.deployment.Spec.Template.Spec, in.container(t)
		user, _ := readContainerfile(t).user(t)
		for what, ok := range map[string]bool{
			"not root":                 *pod.SecurityContext.RunAsNonRoot && *pod.SecurityContext.RunAsUser == int64(user),
			"a seccomp profile":        pod.SecurityContext.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault,
			"no token":                 !*pod.AutomountServiceAccountToken,
			"a read-only root":         *c.SecurityContext.ReadOnlyRootFilesystem,
			"no more privileges":       !*c.SecurityContext.AllowPrivilegeEscalation,
			"no capabilities":          slices.Equal(c.SecurityContext.Capabilities.Drop, []core.Capability{"ALL"}),
			"a limit of memory":        !c.Resources.Limits.Memory().IsZero(),
			"a request for processors": !c.Resources.Requests.Cpu().IsZero(),
		} {
			if !ok {
				t.Errorf("the pod does not have: %s", what)
			}
		}
		limit := c.Resources.Limits.Memory().Value()
		for _, env := range c.Env {
			if mib, ok := strings.CutSuffix(env.Value, "MiB"); ok && env.Name == "GOMEMLIMIT" {
				if n := intstr.Parse(mib).IntVal; int64(n)<<20 >= limit {
					t.Errorf("the collector starts at %s, the kernel at %d", env.Value, limit)
				}
			}
		}
		for _, mount := range c.VolumeMounts {
			if !mount.ReadOnly {
				t.Errorf("the pod may write to %s", mount.MountPath)
			}
		}
	})
}

func TestKubernetesLeavesNodesBehind(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		replicas := *in.deployment.Spec.Replicas
		gone := in.disruption.Spec.MaxUnavailable.IntVal
		if replicas < 2 || gone < 1 || gone >= replicas {
			t.Errorf("of %d nodes %d may be away", replicas, gone)
		}
		if in.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntVal != 0 {
			t.Error("an upgrade takes a node away before there is another")
		}
		grace, sleep := *in.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds, in.container(t).Lifecycle.PreStop.Sleep.Seconds
		// What the program itself takes at most: ten seconds to finish, five to answer.
		if grace < sleep+20 {
			t.Errorf("a node gets %d seconds to stop, %d of which it sleeps", grace, sleep)
		}
	})
}

// TestKubernetesProbesAndConfiguration runs the program with the configuration of
// the pods and asks it what the probes ask.
func TestKubernetesProbesAndConfiguration(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		c := in.container(t)
		file := in.configuration(t)
		check(t, file)

		// Without the cluster's NATS servers a node runs on the one inside.
		n := serve(t, gallerywire(t), loopback("GALLERYWIRE_CONFIG="+file, "GALLERYWIRE_NATS_URL=", "GALLERYWIRE_NATS_REPLICAS=1",
			"GALLERYWIRE_NATS_CREDENTIALS_FILE=", "GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0"))
		n.ready()
		for what, probe := range map[string]*core.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
			base := map[string]string{"http": "http://" + n.http, "admin": n.admin}[probe.HTTPGet.Port.StrVal]
			res, text, err := get(base + probe.HTTPGet.Path)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("the %s probe: %v %s", what, err, text)
			}
		}
		metrics := in.deployment.Spec.Template.Annotations["prometheus.io/path"]
		if res, text, err := get(n.admin + metrics); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(text, "gallerywire_") {
			t.Errorf("%s: %v %s", metrics, err, text)
		}
		if _, err := try(t.Context(), t, nil, "", append(slices.Clone(c.Args), "--help")...); err != nil {
			t.Error(err)
		}
	})
}

// configuration writes what the pods get as configuration to a file. It is where
// the environment of the pods says, and listens where the pods' ports are.
func (in installation) configuration(t *testing.T) string {
	t.Helper()
	if len(in.config.Data) != 1 {
		t.Fatalf("the configuration holds %v", slices.Collect(maps.Keys(in.config.Data)))
	}
	c := in.container(t)
	for name, text := range in.config.Data {
		want := core.EnvVar{Name: "GALLERYWIRE_CONFIG", Value: mountOf(c, "config") + "/" + name}
		if !slices.Contains(c.Env, want) {
			t.Errorf("the environment %v does not say that the configuration is %s", c.Env, want.Value)
		}
		if !strings.Contains(text, "credentials_file: "+mountOf(c, "nats")+"/nats.creds") {
			t.Errorf("the credentials are not looked for where they are:\n%s", text)
		}
		for _, p := range c.Ports {
			if key := map[string]string{"http": "listen", "admin": "admin_listen"}[p.Name]; !strings.Contains(text, key+`: ":`+itoa(p.ContainerPort)+`"`) {
				t.Errorf("nothing listens on %s", p.Name)
			}
		}
		for _, rule := range in.ingress.Spec.Rules {
			if !strings.Contains(text, "base_url: https://"+rule.Host+"\n") {
				t.Errorf("readers come by %s, the site's address is another", rule.Host)
			}
		}
		key := filepath.Join(t.TempDir(), "cms.secret")
		write(t, key, []byte(strings.Repeat("0123456789abcdef", 4)+"\n"))
		text = strings.ReplaceAll(text, mountOf(c, "senders")+"/cms.secret", key)
		file := filepath.Join(t.TempDir(), name)
		mounted := filepath.Join(t.TempDir(), "nats.creds")
		write(t, mounted, []byte("of the secret\n"))
		write(t, file, replaced(t, []byte(text), mountOf(c, "nats")+"/nats.creds", mounted))
		return file
	}
	return ""
}

func mountOf(c core.Container, name string) string {
	for _, mount := range c.VolumeMounts {
		if mount.Name == name {
			return mount.MountPath
		}
	}
	return ""
}

func itoa(port int32) string { p := intstr.FromInt32(port); return p.String() }

// TestKubernetesFilesAreUsed finds files that no kustomization builds.
func TestKubernetesFilesAreUsed(t *testing.T) {
	for _, folder := range kustomizations {
		dir := filepath.Join(deployments, "kubernetes", folder)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "kustomization.yaml" && !e.IsDir() && !bytes.Contains(read(t, dir, "kustomization.yaml"), []byte(e.Name())) {
				t.Errorf("%s/%s is not used", folder, e.Name())
			}
		}
	}
}
